// Shows the page anew when its session has ended elsewhere, or the number of devices is another one. Without it the next click says so.
let events

const open = () => {
  if (document.visibilityState === 'hidden' || (events && events.readyState !== EventSource.CLOSED)) return
  events = new EventSource('/account?events')
  for (const name of ['ended', 'again', 'changed']) events.addEventListener(name, () => location.reload())
  // A page that asked again and again by itself would keep the session alive: it does when somebody comes back to it.
  events.addEventListener('error', () => events.close())
}

open()
document.addEventListener('visibilitychange', open)
addEventListener('pageshow', event => event.persisted && location.reload())
