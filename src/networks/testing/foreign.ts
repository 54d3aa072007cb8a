/** Another program that changes the firewall: runs the commands given as its argument. */
import { runNftables } from '#linux/nftables';

runNftables(process.argv[2] ?? '');
