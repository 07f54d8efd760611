// Sends each message of a JSON list with node-hl7-client and prints the answers as a JSON list.
const { Client, Message } = require('node-hl7-client');

const [, , host, port, messages] = process.argv;

async function main() {
  const client = new Client({ host });
  let answered;
  const outbound = client.createConnection({ port: Number(port), waitAck: true }, async (response) => {
    answered(response.getMessage().toString());
  });
  await new Promise((ready) => outbound.on('connect', ready));
  const answers = [];
  for (const text of JSON.parse(messages)) {
    const answer = new Promise((done) => { answered = done; });
    await outbound.sendMessage(new Message({ text }));
    answers.push(await answer);
  }
  await outbound.close();
  console.log(JSON.stringify(answers));
  process.exit(0);
}

main().catch((fault) => { console.error(fault); process.exit(1); });
