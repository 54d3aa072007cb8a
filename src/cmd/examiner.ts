import { runExaminer } from '#images';

/** Entry of an examiner process; started by the engine only. */
export async function examinerMain(): Promise<void> {
  await runExaminer();
}
