// A webhook handler as it is commonly written: fastify in front, postgres.js with a pool of 10 behind, and the database
// function of the jsonb design. Answers 200 when the webhook is committed.
//
//   node server.js each|coalesce PORT
//
// each: a call per request. coalesce: while four calls are in flight arriving bodies collect, and go as one call, an
// array of them. Only the latter parses the body: a malformed one must not harm its neighbours; alone, PostgreSQL refuses it.
// The body goes to PostgreSQL as it came; making text of the parsed object again would only cost.
//
// With META_APP_SECRET in the environment it does what the receiver does before a call: it wants Meta's signature, and a
// well-formed body; and it calls the function that checks what it is given.

import { createHmac, timingSafeEqual } from 'node:crypto'
import Fastify from 'fastify'
import postgres from 'postgres'

const [mode, port] = process.argv.slice(2)
const secret = process.env.META_APP_SECRET
const sql = postgres({ max: 10 }) // where the server is: PGHOST, PGPORT, ...
const app = Fastify({ logger: false, bodyLimit: 4 * 1024 * 1024 })

function refuse (statusCode, message) {
  throw Object.assign(new Error(message), { statusCode })
}

function checkSignature (request, body) {
  const expected = 'sha256=' + createHmac('sha256', secret).update(body).digest('hex')
  const given = request.headers['x-hub-signature-256'] ?? ''
  if (given.length !== expected.length || !timingSafeEqual(Buffer.from(given), Buffer.from(expected))) refuse(401, 'bad signature')
}

app.addContentTypeParser('application/json', { parseAs: 'string' }, (request, body, done) => {
  try {
    if (secret) checkSignature(request, body)
    if (secret || mode === 'coalesce') JSON.parse(body)
  } catch (error) {
    error.statusCode ??= 400
    return done(error)
  }
  done(null, body)
})

const apply = secret
  ? (text) => sql`SELECT jsonb_checked.apply(${text}::text::jsonb)`
  : (text) => sql`SELECT jsonb_design.apply(${text}::text::jsonb)`

const maxCalls = 4
let waiting = []
let calls = 0

async function applyWaiting () {
  const batch = waiting
  waiting = []
  calls++
  try {
    await apply('[' + batch.map((one) => one.body).join(',') + ']')
    for (const one of batch) one.resolve()
  } catch (error) {
    for (const one of batch) one.reject(error)
  }
  calls--
  if (waiting.length > 0 && calls < maxCalls) applyWaiting()
}

function coalesce (body) {
  return new Promise((resolve, reject) => {
    waiting.push({ body, resolve, reject })
    if (calls < maxCalls) applyWaiting()
  })
}

app.post('/webhook', async (request) => {
  await (mode === 'coalesce' ? coalesce(request.body) : apply(request.body))
  return { status: 'success' }
})

await sql`SELECT 1`
await app.listen({ host: '127.0.0.1', port: Number(port) })
process.on('SIGTERM', async () => {
  await app.close()
  await sql.end()
  process.exit(0)
})
