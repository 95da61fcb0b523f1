// Practice: a task of which nothing counts. Once it is ranked it stays, with what there is to say of it, until Enter.
export function practice(state) { return state.view?.task?.practice ?? null; }

// Whether the task on the board was practised on already: Enter goes on to the next.
export function practised(state) { return Boolean(practice(state)?.feedback); }

export function drawPractice(board) {
  const told = practice(board.state);
  const place = board.find('.practice');
  place.hidden = !told;
  board.find('.board').classList.toggle('practising', Boolean(told));
  if (!told) return;
  const which = `Practice ${told.number} of ${told.of}`;
  place.textContent = told.feedback
    ? `${which}. ${told.feedback} Enter goes on.`
    : `${which}: nothing of it counts. Rank it, and the known order is shown.`;
  board.find('[data-do="submit"]').firstChild.textContent = told.feedback ? 'Go on ' : 'Submit ';
}
