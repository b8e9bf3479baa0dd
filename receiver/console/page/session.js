// Who is signed in, and what they may: asked once, and again after each sign-in.
import { call } from './api.js';

let known;

export function whoami() {
  known ??= call('/api/session').catch((error) => { known = undefined; throw error; });
  return known;
}

export function forget() { known = undefined; }
