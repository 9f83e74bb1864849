/** Why an action has failed. It is a value in the end, in the words of Mistral's executor: nothing that Temporal would retry. */
export class ActionFailure extends Error {
  override readonly name = 'ActionFailure';
}
