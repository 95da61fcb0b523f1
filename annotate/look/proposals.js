// The prompts that wait for a yes: buttons that accept or refuse one of them, or all that are shown.
import { act } from './act.js';

export function start({ element }) {
  // The buttons live in a list that the server draws anew, so one listener serves them all.
  element.addEventListener('click', async (event) => {
    const button = event.target.closest('[data-accept], [data-refuse]');
    if (!button) return;
    const { accept, refuse } = button.dataset;
    const pressed = [...element.querySelectorAll('button')];
    pressed.forEach((each) => { each.disabled = true; });
    await act('decide', { accept: accept !== undefined, prompts: (accept ?? refuse).split(' ').map(Number) });
    pressed.forEach((each) => { each.disabled = false; });
  });
}
