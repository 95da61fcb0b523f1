// The form that puts a prompt to one version or two; what they answer is shown with the job.
import { act } from './act.js';

export function start({ element }) {
  element.addEventListener('submit', async (event) => {
    event.preventDefault();
    const { prompt, first, second } = Object.fromEntries(new FormData(event.target));
    const button = event.target.querySelector('button');
    button.disabled = true;
    await act('ask', { prompt, versions: [first, second].filter(Boolean) });
    button.disabled = false;
  });
}
