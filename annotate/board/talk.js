// To the server and back. The answer names the question's nonce; the store knows a lease only once, so asking
// again is harmless.
const PATIENCE = 4000;
let asked = 0;

function submit() {
  if (state.panel || !state.view?.task) return;
  if (complete()) return send(revises() ? 'revise' : 'rank', comment().value);
  const left = unranked().map(letter);
  tell(`${left.join(', ')} ${left.length > 1 ? 'have' : 'has'} no rank yet.`);
}

// The ranking that is being changed, 0 for a task that is ranked for the first time.
function revises() { return state.view?.task?.revises ?? 0; }

function back() { if (revises()) send('next'); }

function send(action, text) {
  if (state.pending) return;
  const nonce = `${Date.now()}-${asked += 1}`;
  state.pending = { nonce, timer: setTimeout(late, PATIENCE) };
  $('.board').classList.add('waiting');
  tell('');
  const order = action === 'rank' || action === 'revise' ? levels() : [];
  const { mark } = state.view;
  trigger('submit', {
    nonce, action, lease: state.lease, ranking: revises(), levels: order, seconds: state.seconds, comment: text ?? '',
    ...(mark && { [mark.name]: marked().checked }),
  });
}

async function late() {
  const nonce = state.pending?.nonce;
  const trouble = await whatIsWrong();
  if (state.pending?.nonce !== nonce) return; // the answer came meanwhile
  settlePending();
  tell(trouble);
}

async function whatIsWrong() {
  try {
    const answer = await fetch('/api/me', { cache: 'no-store', signal: AbortSignal.timeout(PATIENCE) });
    if (answer.status === 401) {
      return 'You are signed out. Your choices are kept: sign in in another tab, then press Enter here again.';
    }
    if (answer.ok) return 'No answer yet. Your choices are kept: press Enter to send them again.';
  } catch { /* the network is down, or the server is */ }
  return 'The server is unreachable. Your choices are kept: press Enter to try again.';
}

function settlePending() {
  clearTimeout(state.pending?.timer);
  state.pending = null;
  $('.board').classList.remove('waiting');
}

// A new value from the server: the first task, an answer with the next task, or an answer that says what is wrong.
function receive() {
  const view = props.value;
  if (!view) return;
  const answer = view.answer;
  const mine = answer && state.pending?.nonce === answer.nonce;
  if (mine) settlePending();
  if (mine && answer.stored) {
    dropDrafts(state.lease);
    flash();
  }
  state.view = view;
  drawProgress();
  drawMark();
  if (view.task?.lease !== state.lease || !view.task) begin(view.task);
  tell(answer?.message ?? '');
}

function begin(task) {
  const draft = task && draftOf(task.lease);
  const size = task?.responses.length ?? 0;
  state.lease = task?.lease ?? null;
  state.slots = draft?.slots?.length === size ? draft.slots : task?.slots ?? Array(size).fill(null);
  Object.assign(state, { picked: null, history: [], panel: null, seconds: draft?.seconds ?? 0 });
  comment().value = draft?.comment ?? task?.comment ?? '';
  marked().checked = draft?.marked ?? state.view.mark?.checked ?? false;
  $('.panel').hidden = true;
  $('.bar').classList.remove('asking');
  $('.board').dataset.state = !task ? 'resting' : revises() ? 'revising' : 'ranking';
  if (!task) return rest();
  drawTask();
  refresh(false);
  say(revises() ? 'An earlier ranking.' : draft ? 'Your draft is back.' : `New task: rank ${size} responses.`);
  if (document.activeElement?.closest?.('.board')) document.activeElement.blur();
  scrollTo({ top: 0 });
}

function rest() {
  const today = state.view.progress.today;
  $('.rest h2').textContent = 'Nothing to rank at the moment';
  $('.rest p').textContent = today
    ? `You ranked ${today} today, thank you. New responses show up here by themselves.`
    : 'New responses show up here by themselves.';
}

function flash() {
  $('.saved').classList.add('on');
  setTimeout(() => $('.saved').classList.remove('on'), 1200);
}
