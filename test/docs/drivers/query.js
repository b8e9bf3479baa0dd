// Runs queries by node-postgres. Each line of the input is a statement and its parameters in base64, separated by tabs; prints what
// a line returned: its rows, and the first value if it is a text.
const { Client } = require('pg');

const decode = (text) => Buffer.from(text, 'base64').toString();

async function main() {
  const client = new Client({ connectionString: process.argv[2] });
  await client.connect();
  const lines = require('fs').readFileSync(0, 'utf8').split('\n').filter(Boolean);
  for (const line of lines) {
    const [sql, ...parameters] = line.split('\t').map(decode);
    try {
      const { rows, fields } = await client.query({ text: sql, values: parameters, rowMode: 'array' });
      console.log(`${rows.length}\t${rows.length && fields[0].dataTypeID === 25 ? rows[0][0] : ''}`);
    } catch (error) {
      console.log(`ERROR ${error.code} ${error.message}`);
    }
  }
  await client.end();
}

main().catch((error) => { console.error(error); process.exit(1); });
