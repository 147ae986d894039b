// Many strings from IAB's own libraries, each with what it was made of, one JSON object a line.
// Usage: node strings.cjs COUNT SEED

const { GppModel } = require("@iabgpp/cmpapi");
const { TCModel, TCString, GVL, PurposeRestriction, Segment } = require("@iabtcf/core");

let state = Number(process.argv[3]) || 1;
const random = () => ((state = (state * 1103515245 + 12345) % 2147483648) / 2147483648);
const below = (limit) => Math.floor(random() * limit);
const some = (limit, share) => Array.from({ length: limit }, (_, i) => i + 1).filter(() => random() < share);

const vendors = Object.fromEntries(
  Array.from({ length: 900 }, (_, i) => [
    i + 1,
    { id: i + 1, name: "v", purposes: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10], legIntPurposes: [], flexiblePurposes: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10],
      specialPurposes: [], features: [], specialFeatures: [], policyUrl: "" },
  ]),
);
const names = Object.fromEntries(Array.from({ length: 11 }, (_, i) => [i + 1, { id: i + 1, name: "p", description: "", descriptionLegal: "" }]));
const list = { gvlSpecificationVersion: 3, vendorListVersion: 99, tcfPolicyVersion: 5, lastUpdated: "2026-01-01T00:00:00Z",
  purposes: names, specialPurposes: {}, features: {}, specialFeatures: {}, stacks: {}, vendors };

function tcf() {
  const model = new TCModel(new GVL(list));
  model.cmpId = 1 + below(400);
  model.cmpVersion = 1;
  model.isServiceSpecific = true;
  model.publisherCountryCode = "DE";
  model.created = new Date(Date.UTC(2026, below(11), 1));
  const purposes = some(10, random());
  const consenting = some(1 + below(900), random());
  const disclosed = some(1 + below(900), random());
  model.purposeConsents.set(purposes);
  model.vendorConsents.set(consenting);
  model.vendorsDisclosed.set(disclosed);
  for (let i = below(4); i > 0; i--) {
    model.publisherRestrictions.add(1 + below(900), new PurposeRestriction(1 + below(10), below(3)));
  }
  const shown = random() < 0.7;
  const text = TCString.encode(model, { segments: shown ? [Segment.CORE, Segment.VENDORS_DISCLOSED] : [Segment.CORE] });
  const read = TCString.decode(text);
  const ids = (vector) => { const found = []; vector.forEach((has, id) => has && found.push(id)); return found; };
  const restricted = [];
  for (let purpose = 1; purpose <= 10; purpose++) {
    for (const type of [0, 1, 2]) {
      for (const vendor of read.publisherRestrictions.getVendors(new PurposeRestriction(purpose, type)) || []) {
        restricted.push([purpose, type, vendor]);
      }
    }
  }
  return { kind: "tcf", text, created_ms: +read.created, purposes: ids(read.purposeConsents), vendors: ids(read.vendorConsents),
    disclosed: shown ? ids(read.vendorsDisclosed) : null, restricted };
}

const STATES = { usnat: 7, usca: 8, usva: 9, usco: 10, usut: 11, usct: 12, usfl: 13, usmt: 14, usor: 15, ustx: 16, usde: 17,
  usia: 18, usne: 19, usnh: 20, usnj: 21, ustn: 22, usmn: 23, usmd: 24, usin: 25, usky: 26, usri: 27 };
const OUTS = ["SaleOptOut", "SharingOptOut", "TargetedAdvertisingOptOut"];

function gpp() {
  const model = new GppModel();
  const chosen = Object.keys(STATES).filter(() => random() < 0.2);
  const opted = [];
  let gpc = false;
  for (const name of chosen) {
    model.setFieldValue(name, "SaleOptOut", 0);
    const fields = model.toObject()[name];
    for (const [field, value] of Object.entries(fields)) {
      if (/^Version|MspaVersion|SegmentType|Mspa/.test(field)) continue;
      if (field === "Gpc") { const on = random() < 0.2; gpc = gpc || on; model.setFieldValue(name, field, on); }
      else if (Array.isArray(value)) model.setFieldValue(name, field, value.map(() => below(3)));
      else { try { model.setFieldValue(name, field, below(3)); } catch (_) { /* a field of fewer values */ } }
    }
    const now = model.toObject()[name];
    if (OUTS.some((out) => now[out] === 1)) opted.push(STATES[name]);
  }
  let european = null;
  if (random() < 0.3) { european = tcf().text; model.decodeSection("tcfeuv2", european); }
  const text = model.encode();
  return { kind: "gpp", text, sections: model.getSectionIds(), opted, gpc, european };
}

for (let i = 0; i < Number(process.argv[2]); i++) {
  for (const make of [tcf, gpp]) {
    try { console.log(JSON.stringify(make())); } catch (error) { console.log(JSON.stringify({ kind: "refused", why: String(error) })); }
  }
}
