// The state as elements. Cards are built once a task and stay where they are; only chips move.
const $ = (selector) => element.querySelector(selector);
const comment = () => $('.comment textarea');

function make(tag, className, text) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

function say(text) { $('.live').textContent = text; }

function tell(text) {
  $('.message').textContent = text;
  $('.message').hidden = !text;
}

function drawProgress() {
  const { today, total, remaining, more } = state.view.progress;
  $('.guideline').textContent = state.view.guideline;
  const left = remaining ? `${remaining}${more ? '+' : ''} to do` : 'nothing left';
  $('.progress').replaceChildren(make('b', '', `${today} today`), ` · ${total} in all · ${left}`);
}

// A tick that the server offers to some people, under a name and in words of its own.
const marked = () => $('.mark input');

function drawMark() {
  const { mark } = state.view;
  $('.mark').hidden = !mark;
  $('.mark').title = mark?.title ?? '';
  $('.mark span').textContent = mark?.label ?? '';
}

function drawTask() {
  const task = state.view.task;
  $('.prompt').replaceChildren(...task.prompt.map(turn));
  $('.cards').replaceChildren(...task.responses.map(card));
  $('.tray').replaceChildren(...task.responses.map((_, i) => chip(i)));
  $('.slots').replaceChildren(...task.responses.map((_, slot) => slotBox(slot)));
  $('.slots').style.setProperty('--count', count());
  drawKeys();
}

// `html` was made by the server from escaped text; nothing else is ever put into innerHTML.
function turn({ role, html }) {
  const made = make('div', `turn ${role === 'user' ? 'user' : 'other'}`);
  if (state.view.task.prompt.length > 1) made.append(make('span', 'role', role));
  made.append(make('div', 'text'));
  made.lastChild.innerHTML = html;
  return made;
}

function card(html, i) {
  const made = make('article', 'card');
  made.dataset.card = i;
  made.setAttribute('aria-label', `Response ${letter(i)}`);
  const head = make('header');
  const badge = make('span', `badge ink-${letter(i).toLowerCase()}`, letter(i));
  badge.dataset.drag = i;
  head.append(badge, make('span', 'standing'));
  made.append(head, make('div', 'text'));
  made.lastChild.innerHTML = html;
  return made;
}

function chip(i) {
  const made = make('button', `chip ink-${letter(i).toLowerCase()}`, letter(i));
  made.type = 'button';
  made.dataset.drag = i;
  made.dataset.chip = i;
  return made;
}

function slotBox(slot) {
  const made = make('div', 'slot');
  made.dataset.slot = slot;
  made.setAttribute('role', 'group');
  const word = slot === 0 ? 'best' : slot === count() - 1 ? 'worst' : '';
  const name = make('span', 'name', String(slot + 1));
  if (word) name.append(make('small', '', word));
  made.append(name, make('div', 'held'));
  return made;
}

function key(name, what) {
  const made = make('span');
  made.append(...name.split(' ').map((part) => make('kbd', '', part)), ` ${what}`);
  return made;
}

function flagKey() { return count() > LETTERS.indexOf('F') ? '⇧F' : 'F'; }

function drawKeys() {
  const last = letter(count() - 1);
  $('.keys').replaceChildren(
    key(`A–${last}`, 'pick'), key(`1–${count()}`, 'rank, equal is a tie'), key('← →', 'move'), key('⌫', 'clear'),
  );
  $('[data-do="flag"] kbd').textContent = flagKey();
}

// `focus` after a key, so that the eye and a screen reader follow; not after the pointer.
function refresh(focus) {
  state.slots.forEach((slot, i) => {
    const piece = $(`[data-chip="${i}"]`);
    const home = slot === null ? $('.tray') : $(`[data-slot="${slot}"] .held`);
    if (piece.parentElement !== home) settle(piece, home);
    piece.setAttribute('aria-label', `${letter(i)}, ${describe(i)}`);
    piece.setAttribute('aria-pressed', String(state.picked === i));
    const face = $(`[data-card="${i}"]`);
    face.classList.toggle('picked', state.picked === i);
    face.classList.toggle('ranked', slot !== null);
    $(`[data-card="${i}"] .standing`).textContent = slot === null ? '' : standing(i);
  });
  element.querySelectorAll('.slot').forEach((box, slot) => {
    const held = state.slots.flatMap((at, i) => (at === slot ? [letter(i)] : []));
    box.setAttribute('aria-label', `Rank ${slot + 1}: ${held.join(', ') || 'empty'}`);
    box.classList.toggle('tie', held.length > 1);
  });
  $('.tray').classList.toggle('empty', complete());
  $('[data-do="undo"]').disabled = state.history.length === 0;
  $('[data-do="submit"]').disabled = !complete();
  if (focus && state.picked !== null) $(`[data-chip="${state.picked}"]`).focus({ preventScroll: true });
}

function standing(i) {
  const others = tiedWith(i);
  return others.length ? `Rank ${state.slots[i] + 1}, tied with ${others.join(' and ')}` : `Rank ${state.slots[i] + 1}`;
}

// Chips keep the alphabet's order wherever they lie.
function settle(piece, home) {
  const next = [...home.children].find((other) => Number(other.dataset.chip) > Number(piece.dataset.chip));
  home.insertBefore(piece, next ?? null);
}
