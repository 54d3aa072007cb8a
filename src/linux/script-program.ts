/**
 * A program of a few hundred bytes that makes system calls as it is told: the engine's hands in places where the engine
 * itself must not go. It reads one message after the other from the socket that is its standard input, and has a child
 * of its own, with the descriptors that came along as 3, 4, …, make the calls that the message lists. See
 * `script.ts` for the form of such a list. It knows nothing else, has no memory but a few pages, and ends with its socket.
 */

/** Where its memory is, and in it the script; addresses in a script are absolute. */
export const memoryAddress = 0x10000000;
export const scriptAddress = memoryAddress + 0x1000;
export const longestScriptBytes = 0x3f000;
/** The word in which the result of the last call stands. */
export const lastResultAddress = memoryAddress + 0x80;

const memoryBytes = 0x40000;
const codeAddress = 0x400000;
const headerBytes = 64;
const segmentBytes = 56;
/** Rights of a segment. */
const executable = 1;
const writable = 2;
const readable = 4;

/** Machine code for x86-64, an instruction a line. */
const code = [
  // rt_sigaction(SIGCHLD, SIG_IGN): children that end leave no zombie.
  'b80d000000', // mov eax,0xd
  'bf11000000', // mov edi,0x11
  'be00020010', // mov esi,0x10000200
  '48c70601000000', // mov [rsi],0x1
  '31d2', // xor edx,edx
  '41ba08000000', // mov r10d,0x8
  '0f05', // syscall
  // receive: recvmsg(0, header, MSG_CMSG_CLOEXEC) into the script's place.
  'bb00000010', // mov ebx,0x10000000
  '48c7431040000010', // mov [rbx+0x10],0x10000040
  '48c7431801000000', // mov [rbx+0x18],0x1
  '48c7432000010010', // mov [rbx+0x20],0x10000100
  '48c7432880000000', // mov [rbx+0x28],0x80
  '48c7434000100010', // mov [rbx+0x40],0x10001000
  '48c7434800f00300', // mov [rbx+0x48],0x3f000
  'b82f000000', // mov eax,0x2f
  '31ff', // xor edi,edi
  'be00000010', // mov esi,0x10000000
  'ba00000040', // mov edx,0x40000000
  '0f05', // syscall
  // The engine is gone: the end.
  '4885c0', // test rax,rax
  '7e30', // jle 9d <leave>
  // clone(SIGCHLD), as fork: the child runs the script,
  'b838000000', // mov eax,0x38
  'bf11000000', // mov edi,0x11
  '31f6', // xor esi,esi
  '31d2', // xor edx,edx
  '4531d2', // xor r10d,r10d
  '4531c0', // xor r8d,r8d
  '0f05', // syscall
  '4885c0', // test rax,rax
  '741e', // je a6 <run>
  // the parent gives the descriptors back, close_range(3, all), and waits for the next one.
  'b8b4010000', // mov eax,0x1b4
  'bf03000000', // mov edi,0x3
  'beffffffff', // mov esi,0xffffffff
  '31d2', // xor edx,edx
  '0f05', // syscall
  'eb83', // jmp 20 <receive>
  // leave: exit_group(0).
  'b8e7000000', // mov eax,0xe7
  '31ff', // xor edi,edi
  '0f05', // syscall
  // run: the first call.
  'bb00100010', // mov ebx,0x10001000
  // call: number and arguments from the entry,
  '488b03', // mov rax,[rbx]
  '488b7b08', // mov rdi,[rbx+0x8]
  '488b7310', // mov rsi,[rbx+0x10]
  '488b5318', // mov rdx,[rbx+0x18]
  '4c8b5320', // mov r10,[rbx+0x20]
  '4c8b4328', // mov r8,[rbx+0x28]
  '4c8b4b30', // mov r9,[rbx+0x30]
  '0f05', // syscall
  // its result into the entry, and into the word that reports read.
  '48894338', // mov [rbx+0x38],rax
  'ba00000010', // mov edx,0x10000000
  '48898280000000', // mov [rdx+0x80],rax
  // An error? Else, where the result is nought and there is a branch for that, go there.
  '483d01f0ffff', // cmp rax,0xfffffffffffff001
  '730f', // jae ef <failed>
  '488b4b40', // mov rcx,[rbx+0x40]
  '4885c0', // test rax,rax
  '7414', // je fd <absent>
  // step: the next entry.
  '4883c358', // add rbx,0x58
  'ebbc', // jmp ab <call>
  // failed: the branch for ENOENT, or that for any other error; without one, the next entry.
  '488b4b50', // mov rcx,[rbx+0x50]
  '4883f8fe', // cmp rax,0xfffffffffffffffe
  '7404', // je fd <absent>
  '488b4b48', // mov rcx,[rbx+0x48]
  '4885c9', // test rcx,rcx
  '74e7', // je e9 <step>
  '4889cb', // mov rbx,rcx
  'eba4', // jmp ab <call>
];

/** The file: ELF header, one segment of code, one of memory (elf(5)). */
export function scriptProgram(): Buffer {
  const instructions = Buffer.from(code.join(''), 'hex');
  const codeOffset = headerBytes + 2 * segmentBytes;
  const file = Buffer.alloc(codeOffset + instructions.length);
  file.write('\x7fELF\x02\x01\x01', 'latin1');
  // An executable for x86-64.
  file.writeUInt16LE(2, 16);
  file.writeUInt16LE(62, 18);
  file.writeUInt32LE(1, 20);
  file.writeBigUInt64LE(BigInt(codeAddress + codeOffset), 24);
  file.writeBigUInt64LE(BigInt(headerBytes), 32);
  file.writeUInt16LE(headerBytes, 52);
  file.writeUInt16LE(segmentBytes, 54);
  file.writeUInt16LE(2, 56);
  const segment = (at: number, flags: number, address: number, fileBytes: number, bytes: number): void => {
    file.writeUInt32LE(1, at);
    file.writeUInt32LE(flags, at + 4);
    file.writeBigUInt64LE(BigInt(address), at + 16);
    file.writeBigUInt64LE(BigInt(address), at + 24);
    file.writeBigUInt64LE(BigInt(fileBytes), at + 32);
    file.writeBigUInt64LE(BigInt(bytes), at + 40);
    file.writeBigUInt64LE(4096n, at + 48);
  };
  segment(headerBytes, readable | executable, codeAddress, file.length, file.length);
  segment(headerBytes + segmentBytes, readable | writable, memoryAddress, 0, memoryBytes);
  instructions.copy(file, codeOffset);
  return file;
}
