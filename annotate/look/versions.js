// The buttons live in a table that the server draws anew, so one listener serves them all.
element.addEventListener('click', (event) => {
  const button = event.target.closest('[data-promote]');
  if (!button) return;
  button.disabled = true;
  trigger('submit', { model: Number(button.dataset.promote) });
});
