// What is done on the research page: a request of its own each, whose refusal is shown on the page in words.
export const DONE = 'desk:done'; // told to the document when something was asked for, so that the desk is drawn anew

// Whether it was done; where not, the page says why.
export async function act(name, sent) {
  const refusal = await ask(name, sent);
  say(refusal);
  document.dispatchEvent(new Event(DONE));
  return !refusal;
}

// Why it was not done; empty where it was.
export async function ask(name, sent) {
  try {
    const headers = { 'Content-Type': 'application/json' };
    const answer = await fetch(`../api/${name}`, { method: 'POST', headers, body: JSON.stringify(sent) });
    return answer.ok ? '' : (await answer.json()).error;
  } catch {
    return 'The server is unreachable: nothing was done.';
  }
}

function say(words) {
  const said = document.querySelector('#said');
  said.querySelector('p').textContent = words;
  said.hidden = !words;
}
