// The forms that start a job: what is filled in goes to the server, and what it says against it stands in the form.
export function start({ element }) {
  const asking = new Set(); // forms that were sent and have no answer yet
  // The server draws the forms anew, so one listener serves them all.
  element.addEventListener('submit', async (event) => {
    event.preventDefault();
    const form = event.target;
    if (asking.has(form)) return;
    asking.add(form);
    tell(form, '');
    tell(form, await refusal(form));
    asking.delete(form);
  });
  element.addEventListener('input', (event) => tell(event.target.closest('form'), ''));
}

// Why the job was not taken; empty where it was, and the list of jobs shows it within a second.
async function refusal(form) {
  const body = JSON.stringify({ kind: form.dataset.form, values: filledIn(form) });
  try {
    const headers = { 'Content-Type': 'application/json' };
    const answer = await fetch('../api/start', { method: 'POST', headers, body });
    return answer.ok ? '' : (await answer.json()).error;
  } catch {
    return 'The server is unreachable: nothing was started.';
  }
}

function tell(form, words) {
  const told = form?.querySelector('.refused');
  if (told) told.textContent = words;
}

function filledIn(form) {
  const entries = [...form.querySelectorAll('input, select')];
  return Object.fromEntries(entries.map((entry) => [entry.name, entry.type === 'checkbox' ? entry.checked : entry.value]));
}
