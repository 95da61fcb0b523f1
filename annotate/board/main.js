// Wiring. `element`, `props`, `trigger` and `watch` come from gr.HTML.
const LOOK_AGAIN = 20;
const RENEW = 300;
const IDLE = 60e3;
let lastSign = Date.now();
let clock = 0;

function press(event) {
  const button = event.target.closest('[data-do]');
  if (!button) return tap(event);
  const doing = {
    undo, submit, skip: () => openPanel('skip'), flag: () => openPanel('flag'), close: closePanel,
    confirm: confirmPanel, next: () => send('next'), previous: () => send('previous'), back,
  };
  return doing[button.dataset.do]();
}

// Seconds count while the page is looked at and the person does something, not over lunch.
function tick() {
  if (!element.isConnected) return clearInterval(ticking);
  clock += 1;
  const here = document.visibilityState === 'visible';
  const active = here && document.hasFocus() && Date.now() - lastSign < IDLE;
  if (state.view?.task && active) state.seconds += 1;
  if (state.view && !state.view.task && here && clock % LOOK_AGAIN === 0) send('next');
  if (state.view?.task && !revises() && active && clock % RENEW === 0) renew();
}

function renew() {
  const body = JSON.stringify({ lease: state.lease });
  fetch('/api/renew', { method: 'POST', headers: { 'Content-Type': 'application/json' }, body }).catch(() => {});
}

const ticking = setInterval(tick, 1000);
for (const sign of ['pointermove', 'pointerdown', 'keydown', 'wheel', 'touchstart']) {
  document.addEventListener(sign, () => { lastSign = Date.now(); }, { passive: true });
}
element.addEventListener('click', press);
element.addEventListener('pointerdown', startDrag);
element.addEventListener('pointermove', moveDrag);
element.addEventListener('pointerup', endDrag);
element.addEventListener('pointercancel', endDrag);
comment().addEventListener('input', keepDraft);
marked().addEventListener('change', keepDraft);
addEventListener('pagehide', keepDraft);
document.addEventListener('keydown', onKey);
watch('value', receive);
receive();
