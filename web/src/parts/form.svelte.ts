/** One submission at a time, its problem, and the errors that belong to fields. */
import { tick } from "svelte";
import { asProblem, type FieldError, type Problem } from "~/api/problem";

export class Submission {
  busy = $state(false);
  problem = $state.raw<Problem>();
  private form: HTMLFormElement | undefined;

  get errors(): FieldError[] {
    return this.problem?.errors ?? [];
  }

  /** Runs `work` unless it runs already. After a failure the form can be sent again at once. */
  async run(event: SubmitEvent | undefined, work: () => Promise<void>): Promise<void> {
    event?.preventDefault();
    if (this.busy) return;
    this.form = event?.currentTarget instanceof HTMLFormElement ? event.currentTarget : undefined;
    this.busy = true;
    this.problem = undefined;
    try {
      await work();
    } catch (error) {
      this.problem = asProblem(error);
      await tick();
      this.form?.querySelector<HTMLElement>('[aria-invalid="true"]')?.focus();
    } finally {
      this.busy = false;
    }
  }
}
