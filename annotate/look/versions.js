// The table of versions: the buttons that make one the default, which ask first.
import { act } from './act.js';
import { sure } from './sure.js';

export function start({ element }) {
  // The buttons live in a table that the server draws anew, so one listener serves them all.
  element.addEventListener('click', async (event) => {
    const button = event.target.closest('[data-promote]');
    if (!button) return;
    const { promote, asks, rests } = button.dataset;
    if (await sure(asks, rests, 'Promote')) await act('promote', { model: Number(promote) });
  });
}
