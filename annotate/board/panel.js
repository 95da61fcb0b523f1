// Skip and flag ask for a reason first, so that a slip of the finger costs nothing.
import { comment, make, tell } from './board.js';
import { revises } from './model.js';
import { practice } from './practice.js';
import { refresh } from './refresh.js';
import { send } from './talk.js';

const PANELS = {
  skip: {
    title: 'Skip this one? Somebody else will get it.',
    reasons: ['I cannot judge this topic', 'The prompt is unclear', 'I do not read this language'],
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

// `kind` is 'skip' or 'flag', which is also what the server is asked for.
export function openPanel(board, kind) {
  if (practice(board.state) || revises(board.state)) return; // what is ranked already can be ranked otherwise, not skipped
  const { title, reasons, hint, button } = PANELS[kind];
  board.state.panel = kind;
  board.find('.panel h3').textContent = title;
  board.find('.panel .reasons').replaceChildren(...reasons.map(reasonBox));
  board.find('.panel textarea').value = '';
  board.find('.panel textarea').placeholder = hint;
  board.find('.panel .main').replaceChildren(button, ' ', make('kbd', '', '⏎'));
  board.find('.panel').setAttribute('aria-label', title);
  board.find('.panel').hidden = false;
  board.find('.bar').classList.add('asking');
  board.find('.reasons input').focus();
}

// Choose a reason by its place, from 1 as its key is; whether there is one.
export function chooseReason(board, place) {
  const reason = board.findAll('.reasons input')[place - 1];
  if (reason) reason.checked = true;
  return Boolean(reason);
}

export function hidePanel(board) {
  board.state.panel = null;
  board.find('.panel').hidden = true;
  board.find('.bar').classList.remove('asking');
  tell(board, '');
}

// The focus goes back to where the person was.
export function closePanel(board) {
  hidePanel(board);
  if (board.state.picked !== null) refresh(board, true);
  else document.activeElement?.blur();
}

// The reason, what was added to it and the comment go as one text.
export function confirmPanel(board) {
  const kind = board.state.panel;
  const reason = board.find('.reasons input:checked')?.value;
  const added = board.find('.panel textarea').value.trim();
  if (!reason && !added) {
    tell(board, 'Choose a reason, or say it in words.');
    return;
  }
  const parts = [reason, added, comment(board).value.trim()];
  closePanel(board);
  send(board, kind, parts.filter(Boolean).join('. '));
}

function reasonBox(text, i) {
  const made = make('label');
  const input = make('input');
  Object.assign(input, { type: 'radio', name: 'reason', value: text });
  made.append(input, make('kbd', '', String(i + 1)), ` ${text}`);
  return made;
}
