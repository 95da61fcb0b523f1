// The buttons for the usual jobs.
import { act } from './act.js';

export function start({ element }) {
  // The buttons are drawn anew each second, so one listener serves them all.
  element.addEventListener('click', async (event) => {
    const button = event.target.closest('[data-press]');
    if (!button) return;
    button.disabled = true; // the next drawing says whether it may be pressed again
    if (!await act('press', { kind: button.dataset.press })) button.disabled = false;
  });
}
