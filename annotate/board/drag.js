// Dragging by pointer events, so that mouse, pen and finger are one thing. A press without a move is a pick.
const FAR = 6;
let drag = null;

function slotAt(x, y) {
  const near = (box) => x >= box.left - 4 && x <= box.right + 4 && y >= box.top - 14 && y <= box.bottom + 14;
  return [...element.querySelectorAll('.slot, .tray')].find((place) => near(place.getBoundingClientRect())) ?? null;
}

function startDrag(event) {
  const piece = event.target.closest('[data-drag]');
  if (!piece || event.button !== 0 || drag) return;
  drag = { i: Number(piece.dataset.drag), piece, x: event.clientX, y: event.clientY, ghost: null };
  piece.setPointerCapture(event.pointerId);
}

function moveDrag(event) {
  if (!drag) return;
  const [dx, dy] = [event.clientX - drag.x, event.clientY - drag.y];
  if (!drag.ghost && Math.hypot(dx, dy) < FAR) return;
  if (!drag.ghost) liftGhost();
  drag.ghost.style.left = `${event.clientX}px`;
  drag.ghost.style.top = `${event.clientY}px`;
  const over = slotAt(event.clientX, event.clientY);
  element.querySelectorAll('.over').forEach((place) => place.classList.toggle('over', place === over));
  over?.classList.add('over');
}

function liftGhost() {
  drag.ghost = make('div', `ghost chip ink-${letter(drag.i).toLowerCase()}`, letter(drag.i));
  $('.board').append(drag.ghost);
  $('.board').classList.add('dragging');
  drag.piece.classList.add('lifted');
}

function endDrag(event) {
  if (!drag) return;
  const { i, ghost } = drag;
  const over = ghost && event.type === 'pointerup' ? slotAt(event.clientX, event.clientY) : null;
  dropGhost();
  if (!ghost && event.type === 'pointerup') return pick(i);
  if (over) place(i, over.dataset.slot === undefined ? null : Number(over.dataset.slot));
  refresh(false);
}

function dropGhost() {
  drag.ghost?.remove();
  drag.piece.classList.remove('lifted');
  $('.board').classList.remove('dragging');
  element.querySelectorAll('.over').forEach((place) => place.classList.remove('over'));
  drag = null;
}

// Without dragging: tap a letter, then tap a rank. A tap on a card picks it, unless text is being selected.
function tap(event) {
  if (event.target.closest('[data-drag], a, button, textarea, label') || !state.view?.task) return;
  const slot = event.target.closest('.slot');
  if (slot && state.picked !== null) return rank(Number(slot.dataset.slot));
  const face = event.target.closest('.card');
  if (face && !String(getSelection())) pick(Number(face.dataset.card));
}
