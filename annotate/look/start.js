// The forms that start a job: what is filled in goes to the server, which says what is wrong with it.
const AGAIN_AFTER = 1500; // ms; pressed twice in a row, a form is sent once

export function start({ element, trigger }) {
  const sent = new Set(); // of form elements
  // The server draws the forms anew, so one listener serves them all.
  element.addEventListener('submit', (event) => {
    event.preventDefault();
    const form = event.target;
    if (sent.has(form)) return;
    sent.add(form);
    setTimeout(() => sent.delete(form), AGAIN_AFTER);
    trigger('submit', { kind: form.dataset.form, values: filledIn(form) });
  });
}

function filledIn(form) {
  const entries = [...form.querySelectorAll('input, select')];
  return Object.fromEntries(entries.map((entry) => [entry.name, entry.type === 'checkbox' ? entry.checked : entry.value]));
}
