// Long texts. Cards are folded at one height, so that all can be seen beside each other; a letter brings its card into
// view. What scrolls inside a text can be reached by the Tab key.
import { make } from './board.js';

// Parts of the window's height at which answers and prompts are folded, and px below which nothing is.
const ANSWER = 0.5;
const PROMPT = 0.3;
const LEAST = 240;
// A text that is only so much longer is shown whole: a fold would hide little.
const SLACK = 1.25;

// After a task was drawn.
export function foldLong(board) {
  measure(board);
  for (const [kind, share] of [['.card', ANSWER], ['.turn', PROMPT]]) {
    for (const box of board.findAll(kind)) {
      if (box.querySelector('.text').scrollHeight > height(share) * SLACK) foldable(box);
    }
  }
}

// How high a fold is in this window, and what scrolls in it.
export function measure(board) {
  board.find('.board').style.setProperty('--answer', `${height(ANSWER)}px`);
  board.find('.board').style.setProperty('--prompt', `${height(PROMPT)}px`);
  for (const box of board.findAll('.text :is(pre, .wide)')) reach(box, box.scrollWidth > box.clientWidth + 1);
}

// Fold what is open, and open what is folded.
export function turnFold(box) {
  const folded = box.classList.toggle('folded');
  const button = box.querySelector('.more');
  button.textContent = folded ? 'Show all' : 'Fold';
  button.setAttribute('aria-expanded', String(!folded));
  if (folded) box.scrollIntoView({ block: 'nearest' });
}

// A letter was pressed: its card comes into view, and a second press shows all of it.
export function bring(board, i, again) {
  const face = board.find(`[data-card="${i}"]`);
  if (again && face.querySelector('.more')) turnFold(face);
  const room = innerHeight - board.find('.bar').offsetHeight;
  face.scrollIntoView({ block: face.offsetHeight > room ? 'start' : 'nearest' });
}

// A link in the folded part that is reached by Tab must be seen.
export function openAround(event) {
  const box = event.target.closest('.text, .written')?.closest('.folded');
  if (box) turnFold(box);
}

// The height of the bar, so that nothing that is scrolled to comes to lie under it.
export function watchBar(board) {
  const told = () => document.documentElement.style.setProperty('--bar', `${board.find('.bar').offsetHeight}px`);
  const watching = new ResizeObserver(told);
  watching.observe(board.find('.bar'));
  board.left.signal.addEventListener('abort', () => watching.disconnect());
}

function height(share) { return Math.round(Math.max(LEAST, innerHeight * share)); }

function foldable(box) {
  const button = make('button', 'more', 'Show all');
  button.type = 'button';
  button.dataset.do = 'more';
  button.setAttribute('aria-expanded', 'false');
  box.append(button);
  box.classList.add('folded');
}

function reach(box, scrolls) {
  if (!scrolls) {
    box.removeAttribute('tabindex');
    return;
  }
  box.tabIndex = 0;
  box.setAttribute('role', 'region');
  box.setAttribute('aria-label', box.matches('pre') ? 'Code' : 'Table or formula');
}
