// From the server: the first task, an answer with the next task, or an answer that says what is wrong. A view with
// `trouble` has no task, since none could be given; what was sent may be stored all the same.
import { comment, marked, say, tell } from './board.js';
import { draftOf, dropDrafts } from './drafts.js';
import { drawMark, drawNothing, drawProgress, drawTask } from './draw.js';
import { drawGuidelines, foldGuidelines } from './guidelines.js';
import { foldLong } from './long.js';
import { revises } from './model.js';
import { drawOwn, ownStored, restoreOwn } from './own.js';
import { hidePanel } from './panel.js';
import { drawPractice } from './practice.js';
import { refresh } from './refresh.js';
import { countRanking } from './session.js';
import { send, settlePending } from './talk.js';

// In ms: long enough to be seen at the edge of the eye, gone before the next ranking is done.
const SAVED_SHOWN = 1200;
// What the person sees again, by what they had said of it; see annotate/queue.py.
const WAS = {
  ranked: 'An earlier ranking. Submit stores the change; Esc leaves it as it was.',
  skipped: 'You skipped this one. To rank it takes the skip back; Esc leaves it as it was.',
  flagged: 'You flagged this one. To rank it takes the flag back; Esc leaves it as it was.',
};

export function receive(board) {
  const view = board.props.value;
  if (!view) return;
  const { state } = board;
  const { answer, task } = view;
  const mine = answer && state.pending?.nonce === answer.nonce;
  if (mine) settlePending(board);
  if (view.trouble && !(mine && answer.stored)) {
    tell(board, answer?.message || view.trouble); // the board stays as it is, with all that was chosen
    return;
  }
  if (mine && answer.stored) {
    if (answer.already) dropDrafts(state.lease);
    else if (answer.written) ownStored(board);
    else dropDrafts(state.lease);
    if (!answer.already) flash(board);
    if (!answer.already && !answer.written) countRanking(board);
    foldGuidelines(board);
  }
  const first = !state.view;
  state.view = { ...view, progress: view.progress ?? state.view.progress };
  drawProgress(board);
  drawGuidelines(board);
  drawMark(board);
  drawOwn(board);
  const shown = task && task.lease === state.lease && standing(board) !== 'broken';
  if (!shown) begin(board, task);
  drawPractice(board);
  tell(board, answer?.message ?? '');
  if (first) openAsked(board);
}

// The page /mine leads here with the number of an answer, which is to be changed: /annotate/#answer-17.
function openAsked(board) {
  const asked = Number(/^#answer-(\d+)$/.exec(location.hash)?.[1]);
  if (!asked) return;
  history.replaceState(history.state, '', location.pathname + location.search); // a reload is no second wish
  send(board, 'previous', '', asked + 1);
}

// A task on the board, with the person's draft of it if there is one; null for a rest.
function begin(board, task) {
  const { state } = board;
  const draft = task && draftOf(task.lease);
  const size = task?.responses.length ?? 0;
  state.lease = task?.lease ?? null;
  state.slots = draft?.slots?.length === size ? draft.slots : task?.slots ?? Array(size).fill(null);
  Object.assign(state, { picked: null, history: [], seconds: draft?.seconds ?? 0 });
  comment(board).value = draft?.comment ?? task?.comment ?? '';
  restoreOwn(board, draft?.own ?? '');
  marked(board).checked = draft?.marked ?? state.view.mark?.checked ?? false;
  if (!task) {
    hidePanel(board);
    stand(board, 'resting');
    drawNothing(board);
    rest(board);
    return;
  }
  try {
    drawTask(board);
    refresh(board, false);
    hidePanel(board);
    stand(board, revises(state) ? 'revising' : 'ranking');
    foldLong(board); // what is not shown has no height
  } catch (error) {
    giveUp(board, error);
    return;
  }
  const fresh = draft ? 'Your draft is back.' : `New task: rank ${size} responses.`;
  const was = WAS[task.was] ?? WAS.ranked;
  board.find('.revising').textContent = was;
  say(board, revises(state) ? was.split('. ', 1)[0] + '.' : fresh);
  if (document.activeElement?.closest?.('.board')) document.activeElement.blur();
  scrollTo({ top: 0 });
}

// Of 'loading', 'ranking', 'revising', 'resting' and 'broken', which is a task that could not be drawn.
function standing(board) { return board.find('.board').dataset.state; }

function stand(board, how) { board.find('.board').dataset.state = how; }

// Cards of the task before must not stand under the lease of this one. The clock asks for it again.
function giveUp(board, error) {
  stand(board, 'broken');
  drawNothing(board);
  board.find('.rest h2').textContent = 'This task cannot be shown';
  board.find('.rest p').textContent = `${error.message} Skip it, and tell whoever runs this site.`;
  board.state.view = { ...board.state.view, task: null };
}

function rest(board) {
  const { progress: { today }, trouble } = board.state.view;
  if (trouble) {
    board.find('.rest h2').textContent = 'Saved, but the next task could not be given';
    board.find('.rest p').textContent = `${trouble} It is asked for again by itself.`;
    return;
  }
  board.find('.rest h2').textContent = 'Nothing to rank at the moment';
  board.find('.rest p').textContent = today
    ? `You ranked ${today} today, thank you. New responses show up here by themselves.`
    : 'New responses show up here by themselves.';
}

function flash(board) {
  const saved = board.find('.saved');
  saved.textContent = 'Saved'; // put there now, so that a screen reader says it
  saved.classList.add('on');
  setTimeout(() => {
    saved.classList.remove('on');
    saved.textContent = '';
  }, SAVED_SHOWN);
}
