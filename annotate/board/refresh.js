// The state shown on what draw.js built: chips go to their slots, and every letter and rank says how it stands.
import { letter } from './letters.js';
import { complete, describe, tiedWith } from './model.js';

// `focus` after a key, so that the eye and a screen reader follow; not after the pointer.
export function refresh(board, focus) {
  const { state } = board;
  state.slots.forEach((_, i) => showResponse(board, i));
  board.findAll('.slot').forEach((box, slot) => showSlot(state, box, slot));
  board.find('.tray').classList.toggle('empty', complete(state));
  board.find('[data-do="undo"]').disabled = state.history.length === 0;
  board.find('[data-do="submit"]').disabled = !complete(state);
  if (focus && state.picked !== null) board.find(`[data-chip="${state.picked}"]`).focus({ preventScroll: true });
}

function showResponse(board, i) {
  const { slots, picked } = board.state;
  const piece = board.find(`[data-chip="${i}"]`);
  const home = board.find(slots[i] === null ? '.tray' : `[data-slot="${slots[i]}"] .held`);
  if (piece.parentElement !== home) settle(piece, home);
  piece.setAttribute('aria-label', `${letter(i)}, ${describe(board.state, i)}`);
  piece.setAttribute('aria-pressed', String(picked === i));
  const face = board.find(`[data-card="${i}"]`);
  face.classList.toggle('picked', picked === i);
  face.classList.toggle('ranked', slots[i] !== null);
  face.querySelector('.standing').textContent = standing(board.state, i);
}

function standing(state, i) {
  if (state.slots[i] === null) return '';
  const others = tiedWith(state, i);
  return `Rank ${state.slots[i] + 1}` + (others.length ? `, tied with ${others.join(' and ')}` : '');
}

function showSlot(state, box, slot) {
  const held = state.slots.flatMap((at, i) => (at === slot ? [letter(i)] : []));
  box.setAttribute('aria-label', `Rank ${slot + 1}: ${held.join(', ') || 'empty'}`);
  box.classList.toggle('tie', held.length > 1);
}

// Chips keep the alphabet's order wherever they lie.
function settle(piece, home) {
  const next = [...home.children].find((other) => Number(other.dataset.chip) > Number(piece.dataset.chip));
  home.insertBefore(piece, next ?? null);
}
