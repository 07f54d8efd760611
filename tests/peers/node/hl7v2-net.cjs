// Sends each message of a JSON list with hl7v2-net and prints the answers as a JSON list.
const { Hl7Client } = require('hl7v2-net');
const { HL7Message } = require('hl7v2');

const [, , host, port, messages] = process.argv;

async function main() {
  const client = Hl7Client.createClient({ host, port: Number(port) });
  await client.connect();
  const answers = [];
  for (const text of JSON.parse(messages)) {
    const answer = await client.sendMessageWaitAck(HL7Message.parse(text));
    answers.push(answer.toHL7String ? answer.toHL7String() : answer.toString());
  }
  await client.close();
  console.log(JSON.stringify(answers));
  process.exit(0);
}

main().catch((fault) => { console.error(fault); process.exit(1); });
