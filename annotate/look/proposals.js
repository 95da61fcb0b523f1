// The prompts that wait for a yes: buttons that accept or refuse one of them, or all that are shown.
const REFUSED_BY = 3000; // ms; a refusal leaves the panel as it is, and the buttons are to be pressed again then

export function start({ element, trigger }) {
  // The buttons live in a list that the server draws anew, so one listener serves them all.
  element.addEventListener('click', (event) => {
    const button = event.target.closest('[data-accept], [data-refuse]');
    if (!button) return;
    const { accept, refuse } = button.dataset;
    const pressed = [...element.querySelectorAll('button')];
    pressed.forEach((each) => { each.disabled = true; });
    trigger('submit', { accept: accept !== undefined, prompts: (accept ?? refuse).split(' ').map(Number) });
    setTimeout(() => pressed.forEach((each) => { each.disabled = false; }), REFUSED_BY);
  });
}
