// Data Integrity proofs verified by Digital Bazaar's packages: for each file named, a line with true, or with false and why.
import {readFile} from 'node:fs/promises';
import {argv, stdout} from 'node:process';
import {DataIntegrityProof} from '@digitalbazaar/data-integrity';
import {createVerifyCryptosuite} from '@digitalbazaar/eddsa-jcs-2022-cryptosuite';
import jsigs from 'jsonld-signatures';

// What a did:key stands for follows from it, so nothing is fetched.
const documentLoader = async url => {
  const [did, fragment] = url.split('#');
  if(!did.startsWith('did:key:')) {
    throw new Error(`nothing is fetched, and ${url} least of all`);
  }
  const publicKeyMultibase = did.slice('did:key:'.length);
  const id = `${did}#${publicKeyMultibase}`;
  const method = {'@context': 'https://w3id.org/security/multikey/v1', id, type: 'Multikey', controller: did, publicKeyMultibase};
  const controller = {'@context': 'https://www.w3.org/ns/did/v1', id: did, verificationMethod: [method], assertionMethod: [id]};
  return {contextUrl: null, documentUrl: url, document: fragment ? method : controller};
};

for(const file of argv.slice(2)) {
  const found = await jsigs.verify(JSON.parse(await readFile(file, 'utf8')), {
    suite: new DataIntegrityProof({cryptosuite: createVerifyCryptosuite()}),
    purpose: new jsigs.purposes.AssertionProofPurpose(),
    documentLoader
  });
  const reasons = found.error ? ` ${(found.error.errors ?? [found.error]).map(error => error.message).join('; ')}` : '';
  stdout.write(`${found.verified}${reasons}\n`);
}
