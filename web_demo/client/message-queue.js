/**
 * Messages on their way to a `for await` loop. A loop that falls behind gets the newest of several
 * partials of an utterance, and of several acknowledgements; it misses nothing else.
 */

import { Deferred } from "./deferred.js";

/**
 * @template {{type: string, utterance?: number}} Message
 */
export class MessageQueue {
  /** Oldest first; a key holds the newest of those that make each other void. */
  /** @type {Map<unknown, Message>} */
  #messages = new Map();
  /** @type {Deferred<void>} settled when there is something to look at */
  #news = new Deferred();
  #ended = false;
  /** @type {Error | undefined} */
  #error;

  /** @param {Message} message */
  push(message) {
    if (this.#ended) return;
    const key = supersededBy(message) ?? Symbol();
    this.#messages.delete(key); // so that the newest stands last
    this.#messages.set(key, message);
    this.#news.resolve();
  }

  /**
   * Nothing comes after this.
   *
   * @param {Error} [error] thrown by the loop after the last message
   */
  end(error) {
    if (this.#ended) return;
    this.#ended = true;
    this.#error = error;
    this.#news.resolve();
  }

  /**
   * The messages as they come, each once.
   *
   * @returns {AsyncGenerator<Message, void, undefined>}
   */
  async *messages() {
    for (;;) {
      for (const [key, message] of this.#messages) {
        this.#messages.delete(key);
        yield message;
      }
      if (this.#error) throw this.#error;
      if (this.#ended) return;
      this.#news = new Deferred();
      await this.#news.promise;
    }
  }
}

/**
 * The loops over what one side hears, each with a queue of its own.
 *
 * @template {{type: string, utterance?: number}} Message
 */
export class Loops {
  /** @type {Set<MessageQueue<Message>>} */
  #queues = new Set();
  /** How it has ended. */
  /** @type {{error?: Error} | null} */
  #end = null;

  /** @param {Message} message */
  push(message) {
    for (const queue of this.#queues) queue.push(message);
  }

  /**
   * Nothing comes after this.
   *
   * @param {Error} [error] thrown by the loops, also by those that begin later
   */
  end(error) {
    this.#end ??= { error };
    for (const queue of this.#queues) queue.end(error);
  }

  /**
   * The messages from now on, each once.
   *
   * @returns {AsyncGenerator<Message, void, undefined>}
   */
  async *messages() {
    /** @type {MessageQueue<Message>} */
    const queue = new MessageQueue();
    if (this.#end) queue.end(this.#end.error);
    this.#queues.add(queue);
    try {
      yield* queue.messages();
    } finally {
      this.#queues.delete(queue);
    }
  }
}

/**
 * Of messages with the same answer only the newest is of use: the partials of an utterance, and the
 * acknowledgements. Any other has none.
 *
 * @param {{type: string, utterance?: number}} message
 */
function supersededBy({ type, utterance }) {
  if (type === "ack") return type;
  return type === "partial" ? utterance : undefined;
}
