// The board on its page: Gradio brings it there with the first task, and what it asks after that goes to /api/board.
import { start as startBoard } from './main.js';

export function start({ element, props, watch }) {
  const receivers = [];
  const trigger = async (_, sent) => {
    const view = await ask(sent);
    if (!view) return; // talk.js says after a while what is wrong
    props.value = view; // so that Gradio, should it draw the board anew, begins with this one
    for (const drawn of receivers) drawn();
  };
  const watching = (name, then) => {
    watch(name, then);
    receivers.push(then);
  };
  startBoard({ element, props, trigger, watch: watching });
}

// What the board is to show; null where no answer came, or one that is no view.
async function ask(sent) {
  const headers = { 'Content-Type': 'application/json' };
  try {
    // The page lies one level below the root of the site, wherever a proxy puts that.
    const address = new URL('../api/board', document.baseURI);
    const answer = await fetch(address, { method: 'POST', headers, body: JSON.stringify(sent) });
    return answer.ok ? await answer.json() : null;
  } catch {
    return null;
  }
}
