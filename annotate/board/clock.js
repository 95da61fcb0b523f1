// What happens by itself: the seconds spent on a task, its lease renewed, and a look for new tasks during a rest.
import { revises } from './model.js';
import { tickSession } from './session.js';
import { send } from './talk.js';

const TICK = 1000; // ms
// In ticks. Whoever waits for work sees it within this; a hundred who wait ask the server five times a second.
const LOOK_AGAIN = 20;
// In ticks. The first task comes by itself when the page is opened; where it has not by then, something went wrong.
const FIRST_LOOK = 5;
// In ticks. A lease lasts half an hour, LEASE_SECONDS in store/tasks.py: five renewals may get lost.
const RENEW = 300;
// In ms. Reading a long response takes about as long without a touch; beyond it the person is elsewhere.
const IDLE = 60e3;
const SIGNS = ['pointermove', 'pointerdown', 'keydown', 'wheel', 'touchstart'];

// Runs until the board has left the page, which it notices and tells the others.
export function startClock(board) {
  const clock = { ticks: 0, lastSign: Date.now() };
  const ticking = setInterval(() => tick(board, clock), TICK);
  board.left.signal.addEventListener('abort', () => clearInterval(ticking));
  for (const sign of SIGNS) {
    const seen = () => { clock.lastSign = Date.now(); };
    document.addEventListener(sign, seen, { passive: true, signal: board.left.signal });
  }
}

// Seconds count while the page is looked at and the person does something, not over lunch.
function tick(board, clock) {
  if (!board.element.isConnected) {
    board.left.abort();
    return;
  }
  const { state } = board;
  clock.ticks += 1;
  const here = document.visibilityState === 'visible';
  const active = here && document.hasFocus() && Date.now() - clock.lastSign < IDLE;
  if (state.view?.task && active) state.seconds += 1;
  tickSession(board, active);
  const late = state.view ? !state.view.task && clock.ticks % LOOK_AGAIN === 0 : clock.ticks % LOOK_AGAIN === FIRST_LOOK;
  if (late && here) send(board, 'next');
  if (state.view?.task && !revises(state) && active && clock.ticks % RENEW === 0) renew(state.lease);
}

// A renewal that gets lost is made up for by the next.
function renew(lease) {
  const headers = { 'Content-Type': 'application/json' };
  fetch('../api/renew', { method: 'POST', headers, body: JSON.stringify({ lease }) }).catch(() => {});
}
