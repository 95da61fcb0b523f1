// The forms that start a job: what is filled in goes to the server, and what it says against it stands in the form.
import { ask, DONE } from './act.js';

export function start({ element }) {
  const asking = new Set(); // forms that were sent and have no answer yet
  // The server draws the forms anew, so one listener serves them all.
  element.addEventListener('submit', async (event) => {
    event.preventDefault();
    const form = event.target;
    if (asking.has(form)) return;
    asking.add(form);
    tell(form, '');
    tell(form, await ask('start', { kind: form.dataset.form, values: filledIn(form) }));
    document.dispatchEvent(new Event(DONE)); // the list of jobs shows it
    asking.delete(form);
  });
  element.addEventListener('input', (event) => tell(event.target.closest('form'), ''));
}

function tell(form, words) {
  const told = form?.querySelector('.refused');
  if (told) told.textContent = words;
}

function filledIn(form) {
  const entries = [...form.querySelectorAll('input, select')];
  return Object.fromEntries(entries.map((entry) => [entry.name, entry.type === 'checkbox' ? entry.checked : entry.value]));
}
