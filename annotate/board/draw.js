// A task as elements, built once when it arrives. From then on only chips move, see refresh.js.
import { make } from './board.js';
import { commandKey, ink, letter, MOST } from './letters.js';
import { count } from './model.js';

// Above so many responses chips and ranks are drawn smaller, in rows.
const MANY = 9;
// A question of at most so many characters is set as a headline; a longer one is text.
const HEADLINE = 160;
// The buttons whose keys may take Shift.
const COMMANDS = { skip: 'S', flag: 'F', previous: 'P', written: 'W' };

// Raises an Error in words where a task cannot be shown.
export function drawTask(board) {
  const { prompt, responses, written } = board.state.view.task;
  if (responses.length > MOST) {
    throw new Error(`It has ${responses.length} responses, and this page has letters for ${MOST}.`);
  }
  board.find('.prompt').replaceChildren(...prompt.map((said) => turn(said, prompt.length > 1)));
  board.find('.cards').replaceChildren(...responses.map((html, i) => card(html, i, written[i])));
  board.find('.tray').replaceChildren(...responses.map((_, i) => chip(i)));
  board.find('.slots').replaceChildren(...responses.map((_, slot) => slotBox(slot, responses.length)));
  board.find('.slots').style.setProperty('--count', responses.length);
  board.find('.bar').classList.toggle('many', responses.length > MANY);
  drawKeys(board);
}

// Nothing of a task is left on the page.
export function drawNothing(board) {
  for (const part of ['.prompt', '.cards', '.tray', '.slots']) board.find(part).replaceChildren();
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
function turn({ role, html, written }, named) {
  const made = make('div', `turn ${role === 'user' ? 'user' : 'other'}`);
  if (named) made.append(make('span', 'role', role));
  made.append(...texts(html, written));
  made.classList.toggle('long', made.querySelector('.text').textContent.length > HEADLINE);
  return made;
}

// Twice, of which one is shown: as it is meant to look, and as it was written.
function texts(html, written) {
  const made = make('div', 'text');
  made.innerHTML = html;
  return [made, make('pre', 'written', written)];
}

function card(html, i, written) {
  const made = make('article', 'card');
  made.dataset.card = i;
  made.setAttribute('aria-label', `Response ${letter(i)}`);
  const head = make('header');
  const badge = make('span', `badge ${ink(i)}`, letter(i));
  badge.dataset.drag = i;
  head.append(badge, make('span', 'standing'));
  made.append(head, ...texts(html, written));
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
    key(`${letter(0)}–${letter(size - 1)}`, 'pick'), key(`1–${Math.min(size, 9)}`, 'rank, equal is a tie'), key('← →', 'move'),
    key('⌫', 'clear'),
  );
  for (const [name, command] of Object.entries(COMMANDS)) {
    board.find(`[data-do="${name}"] kbd`).textContent = commandKey(command, size);
  }
}

function key(name, what) {
  const made = make('span');
  made.append(...name.split(' ').map((part) => make('kbd', '', part)), ` ${what}`);
  return made;
}
