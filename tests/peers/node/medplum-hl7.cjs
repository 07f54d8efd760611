// Sends each message of a JSON list with @medplum/hl7 and prints the answers as a JSON list.
const { Hl7Client } = require('@medplum/hl7');
const { Hl7Message } = require('@medplum/core');

const [, , host, port, messages] = process.argv;

async function main() {
  const client = new Hl7Client({ host, port: Number(port), keepAlive: true });
  const answers = [];
  for (const text of JSON.parse(messages)) {
    const answer = await client.sendAndWait(Hl7Message.parse(text));
    answers.push(answer.toString());
  }
  await client.close();
  console.log(JSON.stringify(answers));
}

main().catch((fault) => { console.error(fault); process.exit(1); });
