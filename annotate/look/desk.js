// The desk: its tabs, which the address names behind #, and what a person has opened, which stays open.
import { DONE } from './act.js';
import { keepOpen } from './open.js';

// By which the server is asked for each pace; Gradio leaves out what was asked before and has no answer yet.
const EVENTS = ['input', 'select'];

export function start({ element, trigger }) {
  const tabs = [...element.querySelectorAll('[role="tab"]')];
  for (const tab of tabs) {
    // Gradio's page has a <base>, under which "#/jobs" would be another page.
    tab.href = `${location.pathname}#/${tab.dataset.tab}`;
    const panel = panelOf(tab);
    panel.setAttribute('role', 'tabpanel');
    panel.setAttribute('aria-labelledby', tab.id);
  }
  element.addEventListener('keydown', (event) => {
    const next = step(tabs, event);
    if (!next) return;
    event.preventDefault();
    location.hash = `/${next.dataset.tab}`;
    next.focus();
  });
  element.querySelector('#said button').addEventListener('click', () => {
    element.querySelector('#said').hidden = true;
  });
  const all = () => trigger('submit', { shown: location.hash });
  addEventListener('hashchange', () => {
    choose(tabs, named(tabs));
    all();
  });
  document.addEventListener(DONE, all);
  document.addEventListener('visibilitychange', () => {
    if (!document.hidden) all();
  });
  const paces = JSON.parse(element.querySelector('.tabs').dataset.paces);
  Object.entries(paces).forEach(([pace, seconds], at) => setInterval(() => {
    if (!document.hidden) trigger(EVENTS[at], { shown: location.hash, pace });
  }, 1000 * seconds));
  choose(tabs, named(tabs));
  keepOpen(document.querySelector('#research'));
  all();
}

function named(tabs) {
  const name = location.hash.slice(2).split('?')[0];
  return tabs.find((tab) => tab.dataset.tab === name) ?? tabs[0];
}

function choose(tabs, chosen) {
  for (const tab of tabs) {
    tab.setAttribute('aria-selected', String(tab === chosen));
    tab.tabIndex = tab === chosen ? 0 : -1;
    panelOf(tab).hidden = tab !== chosen;
  }
}

// The tab that an arrow, Home or End leads to.
function step(tabs, { key, target }) {
  const at = tabs.indexOf(target);
  if (at < 0) return null;
  const to = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: -1 }[key];
  return to === undefined ? null : tabs.at(to % tabs.length);
}

function panelOf(tab) { return document.getElementById(tab.getAttribute('aria-controls')); }
