/**
 * HPACK's Huffman code (RFC 7541, appendix B) by its lengths. Codes are given out in order of their length, and among equals in
 * order of the byte: the lengths say it all. 256 is the end of the string, which must not occur.
 */
const bytesOfLength: Readonly<Record<number, string>> = {
  5: '48-50 97 99 101 105 111 115-116',
  6: '32 37 45-47 51-57 61 65 95 98 100 102-104 108-110 112 114 117',
  7: '58 66-87 89 106-107 113 118-122',
  8: '38 42 44 59 88 90',
  10: '33-34 40-41 63',
  11: '39 43 124',
  12: '35 62',
  13: '0 36 64 91 93 126',
  14: '94 125',
  15: '60 96 123',
  19: '92 195 208',
  20: '128 130-131 162 184 194 224 226',
  21: '153 161 167 172 176-177 179 209 216-217 227 229-230',
  22: '129 132-134 136 146 154 156 160 163-164 169-170 173 178 181 185-187 189-190 196 198 228 232-233',
  23: '1 135 137-141 143 147 149-152 155 157-158 165-166 168 174-175 180 182-183 188 191 197 231 239',
  24: '9 142 144-145 148 159 171 206 215 225 236-237',
  25: '199 207 234-235',
  26: '192-193 200-202 205 210 213 218-219 238 240 242-243 255',
  27: '203-204 211-212 214 221-223 241 244-248 250-254',
  28: '2-8 11-12 14-21 23-31 127 220 249',
  30: '10 13 22 256',
};

const endOfString = 256;

function* listed(ranges: string): Generator<number> {
  for (const range of ranges.split(' ')) {
    const [first = '', last = first] = range.split('-');
    for (let byte = Number(first); byte <= Number(last); byte += 1) yield byte;
  }
}

/** A tree in one array: at a node's index the places of its two branches; a leaf is the byte as a negative number less one. */
function buildTree(): Int16Array {
  const nodes: number[] = [0, 0];
  let code = 0;
  let before = 0;
  for (const [length, ranges] of Object.entries(bytesOfLength)) {
    code *= 2 ** (Number(length) - before);
    before = Number(length);
    for (const byte of listed(ranges)) {
      let node = 0;
      for (let bit = before - 1; bit > 0; bit -= 1) {
        const branch = node + (Math.floor(code / 2 ** bit) % 2);
        if (nodes[branch] === 0) {
          nodes[branch] = nodes.length;
          nodes.push(0, 0);
        }
        node = nodes[branch] ?? 0;
      }
      nodes[node + (code % 2)] = -1 - byte;
      code += 1;
    }
  }
  return Int16Array.from(nodes);
}

let tree: Int16Array | undefined;

/** Undoes the code; undefined when the bytes are none of it. */
export function decodeHuffman(coded: Uint8Array): Buffer | undefined {
  tree ??= buildTree();
  // The shortest code has five bits.
  const decoded = Buffer.allocUnsafe(Math.ceil((coded.byteLength * 8) / 5));
  let length = 0;
  let node = 0;
  let depth = 0;
  let allOnes = true;
  for (const byte of coded) {
    for (let bit = 7; bit >= 0; bit -= 1) {
      const value = (byte >> bit) & 1;
      depth += 1;
      allOnes &&= value === 1;
      node = tree[node + value] ?? 0;
      if (node === 0) return undefined;
      if (node > 0) continue;
      if (-1 - node === endOfString) return undefined;
      decoded[length] = -1 - node;
      length += 1;
      node = 0;
      depth = 0;
      allOnes = true;
    }
  }
  // What is left over is padding: fewer than eight bits, all ones.
  return depth < 8 && allOnes ? decoded.subarray(0, length) : undefined;
}
