// Skip and flag ask for a reason first, so that a slip of the finger costs nothing.
const PANELS = {
  skip: {
    title: 'Skip this one? Somebody else will get it.',
    reasons: ['I cannot judge this topic', 'The prompt is unclear', 'The responses are too alike'],
    hint: 'Anything to add (optional)',
    button: 'Skip',
  },
  flag: {
    title: 'Flag this one? It will not be ranked.',
    reasons: ['All responses are bad', 'Harmful or private content', 'Broken text'],
    hint: 'What is wrong (optional)',
    button: 'Flag',
  },
};

function openPanel(kind) {
  if (revises()) return; // what is ranked already can be ranked otherwise, not skipped
  const { title, reasons, hint, button } = PANELS[kind];
  state.panel = kind;
  $('.panel h3').textContent = title;
  $('.panel .reasons').replaceChildren(...reasons.map(reasonBox));
  $('.panel textarea').value = '';
  $('.panel textarea').placeholder = hint;
  $('.panel .main').replaceChildren(button, ' ', make('kbd', '', '⏎'));
  $('.panel').setAttribute('aria-label', title);
  $('.panel').hidden = false;
  $('.bar').classList.add('asking');
  $('.reasons input').focus({ preventScroll: true });
}

function reasonBox(text, i) {
  const made = make('label');
  const input = make('input');
  Object.assign(input, { type: 'radio', name: 'reason', value: text, checked: i === 0 });
  made.append(input, make('kbd', '', String(i + 1)), ` ${text}`);
  return made;
}

function closePanel() {
  state.panel = null;
  $('.panel').hidden = true;
  $('.bar').classList.remove('asking');
  if (state.picked !== null) refresh(true);
  else document.activeElement?.blur();
}

function confirmPanel() {
  const kind = state.panel;
  const parts = [$('.reasons input:checked')?.value, $('.panel textarea').value.trim(), comment().value.trim()];
  closePanel();
  send(kind, parts.filter(Boolean).join('. '));
}
