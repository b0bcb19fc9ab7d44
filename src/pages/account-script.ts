/**
 * What the account page does beyond forms: it shows a new list when one is there, and says so when this session has ended. The stream is
 * taken up again only when somebody uses the page: a forgotten tab must not keep a session alive.
 */
export const ACCOUNT_SCRIPT = `(() => {
  const byId = id => document.getElementById(id)
  const says = byId('status')
  let source, busy, over

  const end = () => {
    over = true
    source?.close()
    byId('devices').remove()
    byId('ended').hidden = false
    byId('ended').focus()
    document.title = byId('ended').querySelector('h1').textContent
  }
  const refresh = async () => {
    const answer = await fetch(location.pathname, { headers: { accept: 'text/html' } })
    const page = new DOMParser().parseFromString(await answer.text(), 'text/html')
    const list = answer.redirected ? null : page.getElementById('devices')
    if (over) return false
    if (!list) {
      if (answer.status < 500) end()
      return false
    }
    const focused = document.activeElement?.id
    const changed = list.dataset.list !== byId('devices').dataset.list
    byId('devices').replaceWith(list)
    if (focused) byId(focused)?.focus()
    if (changed) says.textContent = says.dataset.changed
    return true
  }
  const open = () => {
    source = new EventSource('?events')
    source.addEventListener('changed', () => refresh().catch(() => {}))
    source.addEventListener('ended', end)
    source.addEventListener('again', () => { drop(); wake() })
    source.addEventListener('error', drop)
  }
  const drop = () => { source?.close(); source = undefined }
  const wake = async () => {
    if (source || busy || over) return
    busy = true
    try {
      if (await refresh()) open()
    } catch {} finally { busy = false }
  }
  const seen = () => { if (document.visibilityState === 'visible') wake() }
  document.addEventListener('visibilitychange', seen)
  addEventListener('focus', seen)
  addEventListener('online', seen)
  addEventListener('pageshow', event => { if (event.persisted) location.reload() })
  open()
})()`
