// The table of versions: the buttons that make one the default.
const REFUSED_BY = 3000; // ms; a refusal leaves the table as it is, and the button is to be pressed again then

export function start({ element, trigger }) {
  // The buttons live in a table that the server draws anew, so one listener serves them all.
  element.addEventListener('click', (event) => {
    const button = event.target.closest('[data-promote]');
    if (!button) return;
    button.disabled = true;
    trigger('submit', { model: Number(button.dataset.promote) });
    setTimeout(() => { button.disabled = false; }, REFUSED_BY);
  });
}
