/** Takes a lease of its own (fcntl(2): F_SETLEASE, F_WRLCK) and does not give it up when asked. */
const program = `
  $SIG{IO} = 'IGNORE';
  open(my $file, '+<', $ARGV[0]) or die $!;
  $| = 1;
  print defined fcntl($file, 1024, 1) ? "held\\n" : "refused\\n";
  <STDIN>;
`;

/** Has another process hold a lease on a file for as long as this is not disposed; `isHeld` is false where there are no leases. */
export async function holdLease(path: string): Promise<AsyncDisposable & { readonly isHeld: boolean }> {
  const child = Bun.spawn(['perl', '-e', program, path], { stdio: ['pipe', 'pipe', 'inherit'] });
  const { value } = await child.stdout.getReader().read();
  return {
    isHeld: Buffer.from(value ?? []).toString() === 'held\n',
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL');
      await child.exited;
    },
  };
}
