// The buttons live in a table that the server draws anew, so one listener serves them all.
element.addEventListener('click', (event) => {
  const button = event.target.closest('[data-promote]');
  if (!button) return;
  button.disabled = true;
  trigger('submit', { model: Number(button.dataset.promote) });
  // A refusal leaves the table as it is, and the button is to be pressed again then.
  setTimeout(() => { button.disabled = false; }, 3000);
});
