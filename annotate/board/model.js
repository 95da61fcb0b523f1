// What the person has chosen so far, and its rules. Only values: nothing here knows the page or the server.
import { letter } from './letters.js';

export function newState() {
  return {
    view: null, // the server's last value, see annotate/queue.py
    lease: null, // of the task on the board
    slots: [], // slots[i] is the rank slot of response i, from 0, or null; equal slots are a tie
    picked: null, // the response that the next digit ranks
    history: [], // `slots` as they were, the latest last
    pending: null, // what was sent and has no answer yet: { nonce, timer }
    asked: 0, // how often something was sent
    panel: null, // 'skip' or 'flag' while that panel is open
    seconds: 0, // spent on this task
    session: { worked: 0, idle: 0, ranked: 0, told: 0 }, // seconds and rankings, see session.js
    drag: null, // what is being dragged, see drag.js
  };
}

export function count(state) { return state.slots.length; }

export function unranked(state) { return state.slots.flatMap((slot, i) => (slot === null ? [i] : [])); }

export function complete(state) { return count(state) > 0 && unranked(state).length === 0; }

// The ranking that is being changed, 0 for a task that is ranked for the first time.
export function revises(state) { return state.view?.task?.revises ?? 0; }

// Ranks without gaps, in the order shown: slots 1, 3, 3 become levels 1, 2, 2.
export function levels(state) {
  const used = [...new Set(state.slots)].sort((a, b) => a - b);
  return state.slots.map((slot) => used.indexOf(slot) + 1);
}

// The letters of the other responses in the same slot.
export function tiedWith(state, i) {
  const slot = state.slots[i];
  return state.slots.flatMap((other, j) => (j !== i && slot !== null && other === slot ? [letter(j)] : []));
}

// In words, for a screen reader.
export function describe(state, i) {
  const slot = state.slots[i];
  if (slot === null) return 'not ranked';
  const others = tiedWith(state, i);
  return `rank ${slot + 1}` + (others.length ? `, tied with ${others.join(', ')}` : '');
}

// Put response i into a slot, or into none with null; whether that changed anything.
export function put(state, i, slot) {
  state.picked = i;
  if (state.slots[i] === slot) return false;
  state.history.push([...state.slots]);
  state.slots[i] = slot;
  return true;
}

// As before the last change; whether there was one.
export function takeBack(state) {
  const before = state.history.pop();
  if (before) state.slots = before;
  return Boolean(before);
}

// The response without a rank that follows response i, from the top after the last; undefined when all are ranked.
export function following(state, i) {
  const left = unranked(state);
  return left.find((j) => j > i) ?? left[0];
}

// The slot `step` beside that of response i. The first step of one without a rank is to the nearer end.
export function beside(state, i, step) {
  const last = count(state) - 1;
  const from = state.slots[i];
  if (from === null) return step > 0 ? 0 : last;
  return Math.min(Math.max(from + step, 0), last);
}
