// How long somebody has worked without a pause, what they did meanwhile, and a gentle word when that is long.
const PAUSE = 300; // s without a sign of the person: that was a pause, and a new stretch of work begins

// Called each second; `active` says whether the person does something, see clock.js.
export function tickSession(board, active) {
  const { session, view } = board.state;
  if (!active) {
    session.idle += 1;
    if (session.idle === PAUSE) Object.assign(session, { worked: 0, ranked: 0, told: 0 });
    return;
  }
  // A short look away is part of the work.
  session.worked += session.idle < PAUSE ? session.idle + 1 : 1;
  session.idle = 0;
  const every = (view?.break_after ?? 0) * 60;
  if (every && session.worked >= session.told + every) remind(board);
  if (session.worked % 60 === 0) drawSession(board);
}

export function countRanking(board) {
  board.state.session.ranked += 1;
  drawSession(board);
}

export function closeReminder(board) { board.find('.pause').hidden = true; }

function drawSession(board) {
  const { worked, ranked } = board.state.session;
  const place = board.find('.session');
  place.hidden = !ranked;
  const minutes = Math.round(worked / 60);
  place.textContent = `${ranked} in this session of ${minutes} min` + (minutes ? `, ${Math.round(ranked / worked * 3600)} an hour` : '');
}

// Told once for each such stretch; the work goes on beside it.
function remind(board) {
  const { session } = board.state;
  session.told = session.worked;
  board.find('.pause span').textContent = `You have worked for ${Math.round(session.worked / 60)} minutes without a pause. A short one keeps the eye fresh: nothing here is lost meanwhile.`;
  board.find('.pause').hidden = false;
}
