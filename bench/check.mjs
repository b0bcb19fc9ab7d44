// A subject that answers wrongly is not timed.
import assert from 'node:assert/strict'
import { Browser, bodyOf, cookiesSet } from './browser.mjs'
import { Connection } from './fake-http.mjs'
import { readAnswer } from './routes.mjs'

/** Another character in the middle, of the same kind. */
function forged(value) {
  const middle = value.length >> 1
  return value.slice(0, middle) + (value[middle] === 'A' ? 'B' : 'A') + value.slice(middle + 1)
}

/** @param {import('node:http').RequestListener} listener */
export async function check(listener) {
  const connection = new Connection()
  const ask = async (browser, path) => {
    const { url, rawHeaders } = browser.request(path)
    const answer = await connection.request(listener, url, rawHeaders)
    assert.match(answer, /^HTTP\/1\.1 200 /, `${path} answers ${answer}`)
    browser.follow(answer)
    return { body: bodyOf(answer), cookies: cookiesSet(answer) }
  }
  const expectBody = async (browser, path, body) => assert.equal((await ask(browser, path)).body, body, path)

  for (const seed of ['/seed200', '/seed2k']) {
    const users = [1, 2].map(number => ({ number, browser: new Browser() }))
    for (const { number, browser } of users) await expectBody(browser, `${seed}?user=${number}`, 'seeded')
    for (const count of [1, 2, 3]) {
      for (const { number, browser } of users) {
        await expectBody(browser, '/idle', 'idle')
        await expectBody(browser, '/read', readAnswer(seed, number))
        await expectBody(browser, '/write', `${count} times`)
      }
    }
    const { cookies } = users[0].browser
    for (const [name, value] of cookies) {
      const others = cookies.filter(cookie => cookie[0] !== name)
      await expectBody(new Browser([...others, [name, forged(value)]]), '/read', 'nobody')
    }
  }

  const newcomers = [new Browser(), new Browser()]
  for (const newcomer of newcomers) {
    const { body, cookies } = await ask(newcomer, '/create')
    assert.equal(body, 'created')
    assert.ok(cookies.length > 0, '/create sets a cookie')
  }
  for (const newcomer of newcomers) await expectBody(newcomer, '/write', '1 times')
  await expectBody(newcomers[0], '/write', '2 times')
  await expectBody(newcomers[1], '/write', '2 times')
}

/** The bare framework: the same answers, whoever asks. */
export async function checkBare(listener) {
  const connection = new Connection()
  for (const path of ['/idle', '/read', '/write', '/create']) {
    const { url, rawHeaders } = new Browser().request(path)
    const answer = await connection.request(listener, url, rawHeaders)
    assert.match(answer, /^HTTP\/1\.1 200 /, path)
    assert.deepEqual(cookiesSet(answer), [])
  }
}
