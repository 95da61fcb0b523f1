// One board on the page: its element, what gr.HTML gave for it, its state, and the parts that several modules use.
import { newState } from './model.js';

export function newBoard({ element, props, trigger }) {
  return {
    element,
    props, // props.value is what the server last told
    trigger, // trigger('submit', data) tells the server
    state: newState(),
    // Aborted when the element has left the page: listeners on the document and the window hang on its signal.
    left: new AbortController(),
    find: (selector) => element.querySelector(selector),
    findAll: (selector) => [...element.querySelectorAll(selector)],
  };
}

export function comment(board) { return board.find('.comment textarea'); }

// The field for an answer of the person's own.
export function own(board) { return board.find('.own textarea'); }

// A tick that the server offers to some people, under a name and in words of its own.
export function marked(board) { return board.find('.mark input'); }

// To a screen reader.
export function say(board, text) { board.find('.live').textContent = text; }

// To everybody: above the ranks, and where there are none below what stands there instead.
export function tell(board, text) {
  for (const place of board.findAll('.message, .told')) {
    place.textContent = text;
    place.hidden = !text;
  }
}

export function make(tag, className, text) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}
