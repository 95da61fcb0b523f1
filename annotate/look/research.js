// Cancel buttons live in a list that the server draws anew each second, so one listener serves them all.
element.addEventListener('click', (event) => {
  const button = event.target.closest('[data-cancel]');
  if (!button) return;
  button.disabled = true;
  trigger('submit', { job: Number(button.dataset.cancel) });
});

// The page asks once a second; when the session has ended or the server is gone, it says so itself.
const watching = setInterval(async () => {
  if (!element.isConnected) return clearInterval(watching);
  let trouble = '';
  try {
    const answer = await fetch('/api/me', { cache: 'no-store', signal: AbortSignal.timeout(4000) });
    if (answer.status === 401) trouble = 'You are signed out: sign in again.';
  } catch { trouble = 'The server is unreachable. This page goes on when it is back.'; }
  document.querySelector('#site').dataset.trouble = trouble;
}, 5000);
