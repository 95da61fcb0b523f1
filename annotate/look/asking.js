// The form that puts a prompt to one version or two; what they answer is shown with the job.
const AGAIN_AFTER = 1500; // ms; a click more would only ask for the same

export function start({ element, trigger }) {
  element.addEventListener('submit', (event) => {
    event.preventDefault();
    const { prompt, first, second } = Object.fromEntries(new FormData(event.target));
    const button = event.target.querySelector('button');
    button.disabled = true;
    trigger('submit', { prompt, versions: [first, second].filter(Boolean) });
    setTimeout(() => { button.disabled = false; }, AGAIN_AFTER);
  });
}
