// The list of jobs: its cancel buttons, and a word at the top when the server cannot be asked any more.
import { act } from './act.js';

const ASK_EVERY = 5000; // ms
const PATIENCE = 4000; // ms; less than ASK_EVERY, so that one question at a time is open
const SIGNED_OUT = 401; // HTTP, from /api/me

export function start({ element }) {
  // Cancel buttons live in a list that the server draws anew each second, so one listener serves them all.
  element.addEventListener('click', async (event) => {
    const button = event.target.closest('[data-cancel]');
    if (!button) return;
    button.disabled = true;
    if (!await act('cancel', { job: Number(button.dataset.cancel) })) button.disabled = false;
  });
  const asking = setInterval(async () => {
    if (!element.isConnected) {
      clearInterval(asking);
      return;
    }
    const trouble = await whatIsWrong();
    document.querySelector('#site').dataset.trouble = trouble;
  }, ASK_EVERY);
}

// Gradio asks for the panels once a second, and is silent when the session has ended or the server is gone.
async function whatIsWrong() {
  try {
    const answer = await fetch('../api/me', { cache: 'no-store', signal: AbortSignal.timeout(PATIENCE) });
    return answer.status === SIGNED_OUT ? 'You are signed out: sign in again.' : '';
  } catch {
    return 'The server is unreachable. This page goes on when it is back.';
  }
}
