// Calls the console's API. Whoever is not signed in any more is sent through `onSignedOut`, and the call is made again.

export class Failure extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

const hooks = { signedOut: null };
export function onSignedOut(handler) { hooks.signedOut = handler; }

// Returns the members that have a value, as the API wants them; an array stands for several.
export function parameters(members) {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(members)) {
    for (const one of [value].flat()) if (one != null && one !== '') query.append(name, one);
  }
  return query;
}

// Sends a request and returns the response, or throws a Failure with the server's sentence.
export async function send(path, { body, signal, signedOut = true } = {}) {
  const request = body === undefined ? {} : {
    method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body),
  };
  let response;
  try {
    response = await fetch(path, { ...request, signal, credentials: 'same-origin', redirect: 'error' });
  } catch (error) {
    if (error.name === 'AbortError') throw error;
    throw new Failure(0, 'The server cannot be reached. Check the connection and try again.');
  }
  if (response.ok) return response;
  if (response.status === 401 && signedOut && hooks.signedOut) {
    await hooks.signedOut();
    return send(path, { body, signal });
  }
  const answer = await response.json().catch(() => ({}));
  throw new Failure(response.status, answer.message ?? `The server answered ${response.status}.`);
}

export async function call(path, options) {
  return (await send(path, options)).json();
}

// Reads with GET, or with POST at the path's search where a member must not reach an access log.
export function read(path, members, signal) {
  if (members.recipient || members.text) {
    const body = Object.fromEntries(Object.entries(members).filter(([, value]) => value?.length));
    return call(`${path}/search`, { body, signal });
  }
  const query = parameters(members).toString();
  return call(query ? `${path}?${query}` : path, { signal });
}
