// To the server. The answer names the question's nonce, see receive.js; the store knows a lease only once, so asking
// again is harmless.
import { comment, marked, own, tell } from './board.js';
import { letter } from './letters.js';
import { complete, levels, revises, unranked } from './model.js';
import { practised } from './practice.js';

// In ms. An answer takes hundredths of a second; a person who has waited this long asks what is wrong.
const PATIENCE = 4000;
// After these the task is gone, and with it what was written and not sent.
const LEAVES = ['rank', 'skip', 'flag'];
const SIGNED_OUT = 401; // HTTP, from /api/me

export function submit(board) {
  const { state } = board;
  if (state.panel || !state.view?.task) return;
  if (practised(state)) {
    send(board, 'next');
    return;
  }
  if (complete(state)) {
    send(board, revises(state) ? 'revise' : 'rank', comment(board).value);
    return;
  }
  const left = unranked(state).map(letter);
  tell(board, `${left.join(', ')} ${left.length > 1 ? 'have' : 'has'} no rank yet.`);
}

// Leave an earlier ranking as it was.
export function back(board) {
  if (revises(board.state)) send(board, 'next');
}

// One question at a time. `action` and the other fields are read by annotate/ranking.py.
// `before` asks with 'previous' for the latest answer below that number.
export function send(board, action, text, before) {
  const { state } = board;
  if (state.pending) return;
  if (LEAVES.includes(action) && state.view?.write && own(board).value.trim()) {
    tell(board, 'Your own answer is not saved yet: save it first, or empty its field.');
    return;
  }
  const nonce = `${Date.now()}-${state.asked += 1}`;
  state.pending = { nonce, timer: setTimeout(() => late(board, nonce), PATIENCE) };
  board.find('.board').classList.add('waiting');
  tell(board, '');
  const order = action === 'rank' || action === 'revise' ? levels(state) : [];
  const mark = state.view?.mark;
  board.trigger('submit', {
    nonce, action, lease: state.lease, ranking: before ?? revises(state), levels: order, seconds: state.seconds,
    ...(action === 'write' ? { text } : { comment: text ?? '' }), ...(mark && { [mark.name]: marked(board).checked }),
  });
}

// The answer is there, or given up.
export function settlePending(board) {
  clearTimeout(board.state.pending?.timer);
  board.state.pending = null;
  board.find('.board').classList.remove('waiting');
}

async function late(board, nonce) {
  const trouble = await whatIsWrong();
  if (board.state.pending?.nonce !== nonce) return; // the answer came meanwhile
  settlePending(board);
  tell(board, trouble);
}

async function whatIsWrong() {
  try {
    const answer = await fetch('../api/me', { cache: 'no-store', signal: AbortSignal.timeout(PATIENCE) });
    if (answer.status === SIGNED_OUT) {
      return 'You are signed out. Your choices are kept: sign in in another tab, then press Enter here again.';
    }
    if (answer.ok) return 'No answer yet. Your choices are kept: press Enter to send them again.';
  } catch { /* the network is down, or the server is */ }
  return 'The server is unreachable. Your choices are kept: press Enter to try again.';
}
