// A task as elements, built once when it arrives. From then on only chips move, see refresh.js.
import { make } from './board.js';
import { flagKey, ink, letter } from './letters.js';
import { count } from './model.js';

export function drawTask(board) {
  const { prompt, responses } = board.state.view.task;
  board.find('.prompt').replaceChildren(...prompt.map((said) => turn(said, prompt.length > 1)));
  board.find('.cards').replaceChildren(...responses.map(card));
  board.find('.tray').replaceChildren(...responses.map((_, i) => chip(i)));
  board.find('.slots').replaceChildren(...responses.map((_, slot) => slotBox(slot, responses.length)));
  board.find('.slots').style.setProperty('--count', responses.length);
  drawKeys(board);
}

export function drawProgress(board) {
  const { guideline, progress } = board.state.view;
  const { today, total, remaining, more } = progress;
  board.find('.guideline').textContent = guideline;
  const left = remaining ? `${remaining}${more ? '+' : ''} to do` : 'nothing left';
  board.find('.progress').replaceChildren(make('b', '', `${today} today`), ` · ${total} in all · ${left}`);
}

export function drawMark(board) {
  const { mark } = board.state.view;
  board.find('.mark').hidden = !mark;
  board.find('.mark').title = mark?.title ?? '';
  board.find('.mark span').textContent = mark?.label ?? '';
}

// `html` was made by the server from escaped text; nothing else is ever put into innerHTML.
function turn({ role, html }, named) {
  const made = make('div', `turn ${role === 'user' ? 'user' : 'other'}`);
  if (named) made.append(make('span', 'role', role));
  made.append(make('div', 'text'));
  made.lastChild.innerHTML = html;
  return made;
}

function card(html, i) {
  const made = make('article', 'card');
  made.dataset.card = i;
  made.setAttribute('aria-label', `Response ${letter(i)}`);
  const head = make('header');
  const badge = make('span', `badge ${ink(i)}`, letter(i));
  badge.dataset.drag = i;
  head.append(badge, make('span', 'standing'));
  made.append(head, make('div', 'text'));
  made.lastChild.innerHTML = html;
  return made;
}

function chip(i) {
  const made = make('button', `chip ${ink(i)}`, letter(i));
  made.type = 'button';
  made.dataset.drag = i;
  made.dataset.chip = i;
  return made;
}

function slotBox(slot, size) {
  const made = make('div', 'slot');
  made.dataset.slot = slot;
  made.setAttribute('role', 'group');
  const word = slot === 0 ? 'best' : slot === size - 1 ? 'worst' : '';
  const name = make('span', 'name', String(slot + 1));
  if (word) name.append(make('small', '', word));
  made.append(name, make('div', 'held'));
  return made;
}

function drawKeys(board) {
  const size = count(board.state);
  board.find('.keys').replaceChildren(
    key(`${letter(0)}–${letter(size - 1)}`, 'pick'), key(`1–${size}`, 'rank, equal is a tie'), key('← →', 'move'),
    key('⌫', 'clear'),
  );
  board.find('[data-do="flag"] kbd').textContent = flagKey(size);
}

function key(name, what) {
  const made = make('span');
  made.append(...name.split(' ').map((part) => make('kbd', '', part)), ` ${what}`);
  return made;
}
